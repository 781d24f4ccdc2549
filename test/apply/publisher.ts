// Publishes a file again and again, all of one letter, until it is killed: a victim for the tests.
import { publish } from '../../agent/files.ts';

const [, , path = ''] = process.argv;
process.stdout.write('ready\n');
for (let turn = 0; ; turn++) await publish(path, (turn % 2 === 0 ? 'a' : 'b').repeat(2_000_000));
