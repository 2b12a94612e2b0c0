-- What the first version of the tables held after a SIGKILL, written by the build of 1a1468c, DURABILITY=strict: alice;
-- bob, who listens to /chat/** and is owed two events; carol, who acknowledges, was sent the first of them as batch 2,
-- and is owed the second.
DROP TABLE session; DROP TABLE event; DROP TABLE delivery; DROP TABLE damaged; DROP TABLE note; DROP TABLE version;
CREATE TABLE version (number INTEGER NOT NULL);
CREATE TABLE session (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE event (number INTEGER PRIMARY KEY, json TEXT NOT NULL, recipients TEXT NOT NULL);
CREATE TABLE delivery (newest INTEGER NOT NULL, json TEXT NOT NULL);
CREATE TABLE damaged (origin TEXT NOT NULL, key INTEGER NOT NULL, text TEXT NOT NULL);
INSERT INTO version VALUES (1);
INSERT INTO session VALUES
  (1, '{"clientId":"r15jtsOKQPr6HHKKFZHR3Fv","subscriptions":[],"interval":0}'),
  (2, '{"clientId":"r4hHkHXK3XITpFKbg2Ll2cg","subscriptions":["/chat/**"],"interval":0}'),
  (3, '{"clientId":"r5BuQXbz2VIMR0SZwIs7NFB","subscriptions":["/chat/demo"],"interval":0,"batches":64}');
INSERT INTO event VALUES
  (1, '{"channel":"/chat/demo","data":{"n":1}}', '[2,3]'),
  (2, '{"channel":"/chat/demo","data":{"n":2}}', '[2,3]');
INSERT INTO delivery VALUES (1, '[{"session":3,"newest":1,"batch":2}]');
