using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "isolate", worker = .isolate)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "isolate")],
);

# As wrangler.toml has it.
const isolate :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
);
