// CometD's own Java client against the fixture whose address is the argument.
import jakarta.websocket.ContainerProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.cometd.bayeux.Channel;
import org.cometd.bayeux.Message;
import org.cometd.bayeux.client.ClientSession;
import org.cometd.client.BayeuxClient;
import org.cometd.client.ext.AckExtension;
import org.cometd.client.http.jetty.JettyHttpClientTransport;
import org.cometd.client.transport.ClientTransport;
import org.cometd.client.websocket.javax.WebSocketTransport;
import org.eclipse.jetty.client.HttpClient;

public class Talk {
    private static final long PATIENCE = 10; // s

    private final HttpClient http = new HttpClient();
    private final String url;

    private Talk(String url) {
        this.url = url;
    }

    public static void main(String[] arguments) throws Exception {
        Talk talk = new Talk(arguments[0]);
        talk.http.start();
        for (String transport : List.of("websocket", "long-polling")) {
            talk.over(transport, false);
            talk.over(transport, true);
            talk.replay(transport);
        }
        System.exit(0);
    }

    private void over(String transport, boolean ack) throws Exception {
        BayeuxClient alice = join(transport, ack);
        BayeuxClient bob = join(transport, ack);
        BlockingQueue<Long> heard = new LinkedBlockingQueue<>();
        CompletableFuture<Message> subscribed = new CompletableFuture<>();
        alice.getChannel("/java/**").subscribe((channel, message) -> heard.add(((Number) message.getData()).longValue()), subscribed::complete);
        check(reply(subscribed).isSuccessful(), "the subscription");
        for (int number = 0; number < 50; number += 1) {
            CompletableFuture<Message> published = new CompletableFuture<>();
            bob.getChannel("/java/x").publish(number, published::complete);
            check(reply(published).isSuccessful(), "publish " + number);
        }
        List<Long> all = new ArrayList<>();
        for (int number = 0; number < 50; number += 1) all.add(heard.poll(PATIENCE, TimeUnit.SECONDS));
        check(all.equals(LongStream.range(0, 50).boxed().toList()), "heard " + all);
        CompletableFuture<Message> denied = new CompletableFuture<>();
        alice.getChannel("/auth/x").subscribe((channel, message) -> {}, denied::complete);
        check("403:denied_by_security_policy:subscribe_denied".equals(reply(denied).get(Message.ERROR_FIELD)), "the denial");
        CompletableFuture<Message> called = new CompletableFuture<>();
        alice.remoteCall("rc", Map.of("n", 1), called::complete);
        check(reply(called).isSuccessful() && reply(called).getDataAsMap().get("n").equals(1L), "the call: " + called);
        CompletableFuture<Message> failed = new CompletableFuture<>();
        alice.remoteCall("rc", Map.of("fail", true), failed::complete);
        check(!reply(failed).isSuccessful() && reply(failed).getData() != null, "the call that fails: " + failed);
        check(alice.getTransport().getName().equals(transport), alice.getTransport().getName());
        for (BayeuxClient client : List.of(alice, bob)) {
            client.disconnect();
            check(client.waitFor(PATIENCE * 1000, BayeuxClient.State.DISCONNECTED), "the goodbye");
        }
        System.out.printf("CometD's Java client over %s, ack %b: 50 in order, a denial, two calls, a goodbye%n", transport, ack);
    }

    /** As Salesforce's EMP-Connector does it: an extension says with the subscribe from where, and keeps the numbers. */
    private static class Replay implements ClientSession.Extension {
        final String channel;
        long from;

        Replay(String channel, long from) {
            this.channel = channel;
            this.from = from;
        }

        @Override
        public boolean rcv(ClientSession session, Message.Mutable message) {
            if (message.getData() instanceof Map<?, ?> data && data.get("event") instanceof Map<?, ?> event) from = (Long) event.get("replayId");
            return true;
        }

        @Override
        public boolean sendMeta(ClientSession session, Message.Mutable message) {
            if (message.getChannel().equals(Channel.META_HANDSHAKE)) message.getExt(true).put("replay", true);
            if (message.getChannel().equals(Channel.META_SUBSCRIBE)) message.getExt(true).put("replay", Map.of(channel, from));
            return true;
        }
    }

    private void replay(String transport) throws Exception {
        Replay replay = new Replay("/hist/java-" + System.nanoTime(), -2);
        BayeuxClient bob = join(transport);
        say(bob, replay.channel, 1, 2);
        hears(transport, replay, bob, List.of(1L, 2L, 3L), 3);
        say(bob, replay.channel, 4, 5);
        hears(transport, replay, bob, List.of(4L, 5L, 6L), 6);
        Replay late = new Replay(replay.channel, 82);
        BayeuxClient alice = join(transport, late);
        CompletableFuture<Message> refused = new CompletableFuture<>();
        alice.getChannel(late.channel).subscribe((channel, message) -> {}, refused::complete);
        check(("400:" + late.channel + ",82:replay_id_not_kept").equals(reply(refused).get(Message.ERROR_FIELD)), "the refusal: " + refused);
        alice.disconnect();
        bob.disconnect();
        System.out.printf("CometD's Java client over %s, with replay: all, after a number, new ones, a refusal%n", transport);
    }

    /** One that comes with its numbers hears these, of which the last one is published while it listens. */
    private void hears(String transport, Replay replay, BayeuxClient bob, List<Long> wanted, int last) throws Exception {
        BayeuxClient alice = join(transport, replay);
        BlockingQueue<Long> heard = new LinkedBlockingQueue<>();
        CompletableFuture<Message> subscribed = new CompletableFuture<>();
        alice.getChannel(replay.channel).subscribe((channel, message) -> heard.add((Long) message.getDataAsMap().get("n")), subscribed::complete);
        check(reply(subscribed).isSuccessful(), "the subscription: " + subscribed);
        say(bob, replay.channel, last);
        List<Long> all = new ArrayList<>();
        for (int number = 0; number < wanted.size(); number += 1) all.add(heard.poll(PATIENCE, TimeUnit.SECONDS));
        check(all.equals(wanted), "heard " + all);
        alice.disconnect();
    }

    private static void say(BayeuxClient bob, String channel, int... numbers) throws Exception {
        for (int number : numbers) {
            CompletableFuture<Message> published = new CompletableFuture<>();
            bob.getChannel(channel).publish(Map.of("n", number), published::complete);
            check(reply(published).isSuccessful(), "publish " + number);
        }
    }

    private BayeuxClient join(String transport, boolean ack) {
        return ack ? join(transport, new AckExtension()) : join(transport);
    }

    private BayeuxClient join(String transport, ClientSession.Extension... extensions) {
        ClientTransport over = transport.equals("websocket")
            ? new WebSocketTransport(null, null, ContainerProvider.getWebSocketContainer())
            : new JettyHttpClientTransport(null, http);
        BayeuxClient client = new BayeuxClient(url, over);
        for (ClientSession.Extension extension : extensions) client.addExtension(extension);
        client.handshake();
        check(client.waitFor(PATIENCE * 1000, BayeuxClient.State.CONNECTED), "the handshake");
        return client;
    }

    private static Message reply(CompletableFuture<Message> reply) throws Exception {
        return reply.get(PATIENCE, TimeUnit.SECONDS);
    }

    private static void check(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }
}
