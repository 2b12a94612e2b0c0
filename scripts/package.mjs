// node scripts/package.mjs: the npm package `bayeux-edge` with the built Worker inside, in build/package, and its
// tarball in build/. What it is made of is listed in lib/package.mjs.
import { buildWorker } from './lib/build.mjs';
import { assemble, packed } from './lib/package.mjs';
import { main } from './lib/run.mjs';

await main(async () => {
  await buildWorker();
  await assemble();
  const { file, bytes, integrity, files } = await packed();
  console.log(`${file}: ${files} files, ${(bytes / 1e6).toFixed(2)} MB, ${integrity}`);
});
