// Samples of several channels that wait, in the order of their arrival.

export class Fifo {
  /** @type {Float32Array[][]} */ blocks = [];
  length = 0;

  /** @param {number} channels @param {number} samples of silence that wait from the start */
  constructor(channels, samples) {
    this.channels = channels;
    if (samples) this.add(Array.from({ length: channels }, () => new Float32Array(samples)));
  }

  /** @param {Float32Array[]} block kept, not copied */
  add(block) {
    this.blocks.push(block);
    this.length += block[0].length;
  }

  /** The oldest samples, of those that there are. @param {number} samples */
  take(samples) {
    const result = Array.from({ length: this.channels }, () => new Float32Array(samples));
    for (let done = 0; done < samples;) {
      const [block] = this.blocks;
      const count = Math.min(samples - done, block[0].length);
      block.forEach((channel, c) => result[c].set(channel.subarray(0, count), done));
      if (count === block[0].length) this.blocks.shift();
      else this.blocks[0] = block.map((channel) => channel.subarray(count));
      done += count;
    }
    this.length -= samples;
    return result;
  }
}
