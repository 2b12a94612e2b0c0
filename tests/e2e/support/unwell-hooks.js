// A hooks Worker that is not well, in the way that a client's data asks for: late, wrong, down.
export default {
  async fetch(request) {
    const { calls } = await request.json();
    const [{ hook, message }] = calls;
    if (hook === 'handshake' && !message.ext) return Response.json({ answers: calls.map(() => ({ allow: true })) });
    const how = message.ext?.how ?? message.data;
    if (how === 'late') await new Promise((resolve) => setTimeout(resolve, 5000));
    if (how === 'throws') throw new Error('down');
    if (how === 'status') return Response.json({ answers: calls.map(() => ({ allow: true })) }, { status: 500 });
    if (how === 'wrong') return new Response('<html>');
    if (how === 'short') return Response.json({ answers: [] });
    return Response.json({ answers: calls.map(() => ({ allow: true, replies: [] })) });
  },
};
