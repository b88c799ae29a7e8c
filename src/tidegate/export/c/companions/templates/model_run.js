
  /** Read whole sequences: for each input an array. Returns the outputs$each. */
  run(...sequences) {
    const top = this.#top;
    const { addresses, steps } = this.#given(sequences);
    const room = this.#keep(this.#c.${p}_room(steps));
    const y = this.#keep(4 * $rows * OUTPUTS);
    this.#c.${p}_run(this.#model, ...addresses, steps, room, y);
    this.#top = top;
    return this.#floats(y, $rows * OUTPUTS).slice();
  }
