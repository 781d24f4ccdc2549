// To be imported before @peculiar/x509: its container of dependencies asks for these two at once, whatever it is used for.
// None of the classes in it have metadata.
const none = (): undefined => undefined;
Object.assign(Reflect, { getMetadata: none, getOwnMetadata: none });
