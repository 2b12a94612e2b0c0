// News that everybody may write: hooks for the state of the connection, for the messages of a channel and for who is
// in it.
import { connect } from 'bayeux-edge/client';
import { BayeuxProvider, useClient, useConnectionState, useMessages, usePresence } from 'bayeux-edge/react';
import { useState, type FormEvent } from 'react';
import { createRoot } from 'react-dom/client';

const TOPICS = ['today', 'tomorrow'];

function Page() {
  const [topic, setTopic] = useState(TOPICS[0]!);
  return (
    <>
      <p role="status">{useConnectionState()}</p>
      {TOPICS.map((name) => (
        <button key={name} onClick={() => setTopic(name)} aria-pressed={name === topic}>
          {name}
        </button>
      ))}
      <News topic={topic} />
    </>
  );
}

function News({ topic }: { topic: string }) {
  const client = useClient();
  const { messages, error } = useMessages<string>(`/news/${topic}`);
  const { count } = usePresence(`/news/${topic}`);
  const [text, setText] = useState('');
  const publish = async (event: FormEvent) => {
    event.preventDefault();
    await client.publish(`/news/${topic}`, text);
    setText('');
  };
  return (
    <form onSubmit={publish}>
      {error && <p role="alert">{error.message}</p>}
      <p>{count ?? '…'} reading</p>
      <ul>
        {messages.map(({ data }, place) => (
          <li key={place}>{data}</li>
        ))}
      </ul>
      <input aria-label="News" value={text} onChange={({ target }) => setText(target.value)} required />
      <button>Publish</button>
    </form>
  );
}

const client = connect('/cometd');

createRoot(document.getElementById('root')!).render(
  <BayeuxProvider client={client}>
    <Page />
  </BayeuxProvider>,
);
