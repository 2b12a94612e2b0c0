using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "partyserver", worker = .partyserver)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "partyserver")],
);

const partyserver :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../../../build/bench/partyserver.js")],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [(className = "Room", uniqueKey = "room")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "Room", durableObjectNamespace = "Room")],
);
