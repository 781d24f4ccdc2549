module bind9-agent/test/node/pause

go 1.25.0
