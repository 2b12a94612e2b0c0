// CometD's own server on Jetty, as its documentation sets it up. Prints where it listens, and ends with its standard input.
import org.cometd.server.CometDServlet;
import org.cometd.server.http.AsyncJSONTransport;
import org.cometd.server.websocket.javax.WebSocketTransport;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jetty.websocket.jakarta.server.config.JakartaWebSocketServletContainerInitializer;

public class Server {
  public static void main(String[] args) throws Exception {
    org.eclipse.jetty.server.Server jetty = new org.eclipse.jetty.server.Server();
    ServerConnector connector = new ServerConnector(jetty);
    connector.setHost("127.0.0.1");
    connector.setAcceptQueueSize(8192);
    jetty.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler(jetty, "/");
    JakartaWebSocketServletContainerInitializer.configure(context, null);
    ServletHolder cometd = new ServletHolder(CometDServlet.class);
    cometd.setInitParameter("transports", WebSocketTransport.class.getName() + "," + AsyncJSONTransport.class.getName());
    cometd.setInitParameter("ws.cometdURLMapping", "/cometd/*");
    cometd.setInitParameter("timeout", "30000");
    // The load generator has no cookies.
    cometd.setInitParameter("trustClientSession", "true");
    cometd.setInitParameter("maxSessionsPerBrowser", "-1");
    cometd.setInitOrder(1);
    cometd.setAsyncSupported(true);
    context.addServlet(cometd, "/cometd/*");
    jetty.start();
    System.out.println("http://127.0.0.1:" + connector.getLocalPort() + "/cometd");
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
