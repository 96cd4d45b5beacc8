// Starts a kernel with JupyterLab's own client library, runs code, loses its connection,
// and prints what it saw as JSON.
import services from '@jupyterlab/services';
import WebSocket from 'ws';

const [baseUrl, token] = process.argv.slice(2);
const { KernelManager, ServerConnection, SessionManager, KernelSpecManager } = services;
const serverSettings = ServerConnection.makeSettings({
  baseUrl: baseUrl + '/',
  wsUrl: baseUrl.replace('http', 'ws') + '/',
  token,
  appendToken: true,
  WebSocket
});
const seen = { outputs: [] };

const specs = new KernelSpecManager({ serverSettings });
await specs.ready;
seen.default = specs.specs.default;

const kernels = new KernelManager({ serverSettings });
const sessions = new SessionManager({ kernelManager: kernels, serverSettings });
const session = await sessions.startNew({
  path: 'book.ipynb', name: 'book.ipynb', type: 'notebook', kernel: { name: seen.default }
});
const kernel = session.kernel;
seen.protocol = (await kernel.info).protocol_version;

async function run(code) {
  const future = kernel.requestExecute({ code });
  future.onIOPub = message => {
    if (message.header.msg_type === 'stream') seen.outputs.push(message.content.text);
    if (message.header.msg_type === 'execute_result')
      seen.outputs.push(message.content.data['text/plain']);
    if (message.header.msg_type === 'error') seen.outputs.push(message.content.ename);
  };
  future.onStdin = message => {
    kernel.sendInputReply({ status: 'ok', value: '21' }, message.header);
  };
  return (await future.done).content.status;
}

seen.statuses = [
  await run("x = 1; print('hello'); x + 1"),
  await run('int(input("how many? ")) * 2'),
  await run('1 / 0')
];
seen.completions = (await kernel.requestComplete({ code: 'pri', cursor_pos: 3 })).content.matches;

const late = kernel.requestExecute({ code: "import time; time.sleep(1); print('after the loss')" });
late.onIOPub = message => {
  if (message.header.msg_type === 'stream') seen.outputs.push(message.content.text);
};
await new Promise(resolve => setTimeout(resolve, 300));
kernel._ws.close();
await kernel.reconnect();
await late.done;

await kernel.requestKernelInfo();
await kernel.restart();
seen.statuses.push(await run('x'));
seen.running = [...kernels.running()].length;
await session.shutdown();
console.log(JSON.stringify(seen));
process.exit(0);
