// The exact versions of what neither package-lock.json nor Cargo.lock pins.

/** Builds the wasm; Debian's rustc-web has the same one. */
export const RUST = '1.96.0';

/** Cargo.toml pins the `worker` and `wasm-bindgen` crates that these fit. */
export const WORKER_BUILD = '0.8.7';
export const WASM_BINDGEN = '0.2.129';
