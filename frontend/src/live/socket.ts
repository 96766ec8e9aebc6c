import { Problem } from '../api/problem';
import { tokens } from '../api/tokens';
import { backoff, countsOf, newerCounts } from './updates';
import type { ControlFrame, Counts, LiveUpdate } from './updates';

type Listener = (update: LiveUpdate) => void;

interface Topic {
  listeners: Set<Listener>;
  counts: Counts | null;
  stale: boolean;
  subscribed: boolean;
  /** Was subscribed before the connection was lost. */
  known: boolean;
}

const probeTimeout = 5_000;
/** A connection that ended sooner doesn't count as a success: the waits between attempts go on growing. */
const stableAfter = 5_000;
/** A navigation drops and takes topics within one turn; the connection shouldn't end in between. */
const lingering = 3_000;

/**
 * The one WebSocket of this tab. Topics are counted by their listeners and subscribed again after every reconnect;
 * private topics wait for the `authenticated` frame. It connects with the first listener and leaves after the last.
 */
export class LiveSocket {
  private topics = new Map<string, Topic>();
  private socket: WebSocket | null = null;
  /** The token that this connection was given; the hub checks one at a time, so the next waits for its answer. */
  private sentToken: string | null = null;
  private authenticated = false;
  private awaitsAnswer = false;
  private attempt = 0;
  private openedAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reauthentication: ReturnType<typeof setTimeout> | undefined;
  private lastFrameAt = 0;
  private stateListeners = new Set<() => void>();

  constructor(private readonly url: string) {
    window.addEventListener('online', () => this.probe());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.probe(); });
    tokens.onChange(() => this.tokenChanged());
  }

  /** Whether updates are arriving: connected, subscribed, and the hub doesn't call the topic stale. */
  isLive(name: string): boolean {
    const topic = this.topics.get(name);
    return topic !== undefined && topic.subscribed && !topic.stale;
  }

  onStateChange(listener: () => void): () => void {
    this.stateListeners.add(listener);
    return () => { this.stateListeners.delete(listener); };
  }

  listen(name: string, listener: Listener): () => void {
    let topic = this.topics.get(name);
    if (!topic) {
      topic = { listeners: new Set(), counts: null, stale: false, subscribed: false, known: false };
      this.topics.set(name, topic);
      this.subscribe(name);
    } else if (topic.counts) {
      listener({ type: 'counts', topic: name, ...topic.counts });
    }
    const held = topic;
    held.listeners.add(listener);
    this.connect();
    return () => {
      held.listeners.delete(listener);
      if (held.listeners.size > 0 || this.topics.get(name) !== held) return;
      this.topics.delete(name);
      this.send({ type: 'unsubscribe', topic: name });
      if (this.topics.size === 0) setTimeout(() => { if (this.topics.size === 0) this.disconnect(); }, lingering);
    };
  }

  private connect(): void {
    if (this.socket !== null || this.timer !== undefined || this.topics.size === 0) return;
    let socket: WebSocket;
    try {
      socket = this.socket = new WebSocket(this.url);
    } catch (thrown) {
      // Forbidden by a setting or a filter: the pages read again by and by, as they do when the hub is away.
      console.info('No live updates in this browser.', thrown);
      return;
    }
    socket.onopen = () => {
      this.openedAt = this.lastFrameAt = performance.now();
      for (const name of this.topics.keys()) if (isPublic(name)) this.subscribe(name);
      void this.authenticate();
    };
    socket.onmessage = (message) => { if (socket === this.socket) this.receive(String(message.data)); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event.code); };
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { socket } = this;
    if (socket === null) return;
    this.lost();
    socket.close(1000);
  }

  /** Forgets the connection and says so to the pages. */
  private lost(): void {
    this.socket = null;
    this.sentToken = null;
    this.authenticated = this.awaitsAnswer = false;
    clearTimeout(this.reauthentication);
    for (const topic of this.topics.values()) topic.subscribed = false;
    this.changed();
  }

  private closed(code: number): void {
    const wasStable = this.openedAt > 0 && performance.now() - this.openedAt > stableAfter;
    this.lost();
    // 4401: the hub no longer takes the token; 4409: the session was ended. Either way a fresh token is asked for; that
    // there is none any more is the session's news, not ours: we go on without private topics. 4429: come back late.
    if ((code === 4401 || code === 4409) && tokens.held) void this.renew(code === 4409);
    if (wasStable) this.attempt = 0;
    if (code === 4429) this.attempt = Math.max(this.attempt, 6);
    this.openedAt = 0;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.connect();
    }, backoff(this.attempt));
    this.attempt += 1;
  }

  private async renew(wasEnded: boolean): Promise<void> {
    try {
      await tokens.renew();
    } catch (thrown) {
      // The hub's word for it, and no other session in this browser has come in its place (as after a new password).
      if (wasEnded && thrown instanceof Problem && thrown.status === 401) tokens.endedElsewhere();
    }
  }

  private receive(text: string): void {
    this.lastFrameAt = performance.now();
    const frame = parse(text);
    if (frame === null) return;
    if (frame.type === 'authenticated') {
      this.authenticated = true;
      this.awaitsAnswer = false;
      void this.authenticate();
      for (const [name, topic] of this.topics) if (!isPublic(name) && !topic.subscribed) this.subscribe(name);
      return;
    }
    if (frame.type === 'error') {
      console.warn('live updates:', frame.code, frame.message);
      return;
    }
    const topic = this.topics.get(frame.topic);
    if (topic) this.deliver(topic, frame);
  }

  private deliver(topic: Topic, update: LiveUpdate): void {
    if (update.type === 'subscribed') {
      update.again = topic.known;
      topic.known = topic.subscribed = true;
    }
    if (update.type === 'subscribed' || update.type === 'stale' || update.type === 'fresh') {
      topic.stale = update.type === 'stale';
      this.changed();
    }
    const counts = countsOf(update);
    if (counts !== null) topic.counts = topic.counts ? newerCounts(topic.counts, counts) : counts;
    for (const listener of [...topic.listeners]) listener(update);
  }

  private subscribe(topic: string): void {
    if (isPublic(topic) || this.authenticated) this.send({ type: 'subscribe', topic });
  }

  private async authenticate(): Promise<void> {
    const { socket } = this;
    const token = await tokens.current().catch(() => null);
    if (token === null || socket === null || socket !== this.socket) return;
    if (this.awaitsAnswer || token === this.sentToken) return;
    this.sentToken = token;
    this.awaitsAnswer = true;
    this.send({ type: 'authenticate', token });
    clearTimeout(this.reauthentication);
    // The hub ends a session with its token: a new one is handed over in time. Renewing calls `tokenChanged`.
    this.reauthentication = setTimeout(() => void tokens.renew().catch(() => undefined), tokens.remaining);
  }

  /** A renewed token goes to the hub; without one, the connection must not keep the old session's topics. */
  private tokenChanged(): void {
    if (tokens.held) {
      if (this.socket?.readyState === WebSocket.OPEN) void this.authenticate();
    } else if (this.sentToken !== null) {
      this.disconnect();
      this.connect();
    }
  }

  /** After sleep or a change of network a socket can look open and be dead: ask for a sign of life. */
  private probe(): void {
    if (this.socket === null) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.connect();
      return;
    }
    const [name] = this.topics.keys();
    if (name === undefined || this.socket.readyState !== WebSocket.OPEN) return;
    const { socket } = this;
    const askedAt = performance.now();
    this.send({ type: 'subscribe', topic: name });
    setTimeout(() => {
      if (socket !== this.socket || this.lastFrameAt >= askedAt) return;
      this.disconnect();
      this.connect();
    }, probeTimeout);
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private changed(): void {
    for (const listener of [...this.stateListeners]) listener();
  }
}

function isPublic(topic: string): boolean {
  return topic.startsWith('event:');
}

function parse(text: string): LiveUpdate | ControlFrame | null {
  try {
    return JSON.parse(text) as LiveUpdate | ControlFrame;
  } catch {
    return null;
  }
}

export const liveSocket = new LiveSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`);
