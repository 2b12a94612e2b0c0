// The settings of the server that the conformance cases expect (README of the conformance suite).
export const FIXTURE_VARS = {
  TREES: '/**',
  CONNECTION_TYPES: 'websocket eventsource long-polling callback-polling',
  TIMEOUT: '3000', // ms a connect is held
  MAX_INTERVAL: '2500', // ms until a silent session is forgotten
  WEBSOCKET_TIMEOUT: '3000',
  LAZY_CHANNELS: '/lazy/**',
  SPANNING_PATTERNS: 'true', // `/**` and the like for everybody
  HISTORY: '/hist/** 100 1h; /chat/* 200 7d', // what channels keep
  RETAIN: '/keep/**',
  PRESENCE: '/room/* /chat/*', // who is there
  MAX_LAZY_TIMEOUT: '1500', // ms until a lazy event leaves alone
};
