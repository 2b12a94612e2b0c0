// A home, as this isolate knows it.

/** A home's requests under way. */
export class Home {
  pending = null; // its requests that wait for answers over links
  breaks = 0; // links that broke since an answer came
  direct = new Set(); // requests that went to the object itself, oldest first

  constructor(name) {
    this.name = name;
  }

  /** How many the object itself holds. The end of one whose client has left may never be told. */
  held(wait) {
    const oldest = Date.now() - wait;
    for (const since of this.direct) {
      if (since.at >= oldest) break;
      this.direct.delete(since);
    }
    return this.direct.size;
  }
}
