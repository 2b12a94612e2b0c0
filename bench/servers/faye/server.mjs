// Faye as its documentation sets it up. Tells the process that forked this one where it is, and ends with it.
import http from 'node:http';
import faye from 'faye';

const server = http.createServer();
new faye.NodeAdapter({ mount: '/faye', timeout: 45 }).attach(server);
// Else a GET that its client gives up is an error to Node, which Faye answers, and once more when it would have
// answered: it crashes.
server.on('request', (request) => request.resume());
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/faye` }));
process.on('disconnect', () => process.exit());
