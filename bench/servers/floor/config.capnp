using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "floor", worker = .floor)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "floor")],
);

# As wrangler.toml has it.
const floor :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
  durableObjectNamespaces = [(className = "Server", uniqueKey = "server")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "SERVER", durableObjectNamespace = "Server")],
);
