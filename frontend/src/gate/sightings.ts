/**
 * A camera sees the same code many times a second. One look is one scan: a code counts again only after it was out of
 * sight for a while.
 */
export class Sightings {
  private text: string | null = null;
  private seenAt = 0;

  /** @param pause milliseconds out of sight that make the next look a new one */
  constructor(private readonly pause = 2_500) {}

  isNew(text: string, now: number): boolean {
    const isSame = text === this.text && now - this.seenAt < this.pause;
    this.text = text;
    this.seenAt = now;
    return !isSame;
  }
}
