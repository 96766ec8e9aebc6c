import { useEffect, useRef } from 'react';
import { admin } from '../../api/endpoints';
import { useResource } from '../../api/useResource';
import type { SystemReport } from '../../api/types';
import { Badge } from '../../components/Badge';
import type { Tone } from '../../components/Badge';
import { PageTitle } from '../../components/PageTitle';
import { Loaded, Pending } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { formatMoment } from '../../time/format';
import { DeadLetters } from './DeadLetters';

const every = 5_000;

/** How the whole product stands, read again every few seconds while somebody looks. */
export function SystemPage() {
  const report = useResource<SystemReport>('system', (signal) => admin.system(signal));
  useEvery(every, report.reload);
  const parked = report.data?.queues?.reduce((sum, queue) => sum + queue.parked, 0) ?? 0;
  return (
    <div className="em-stack-l">
      <PageTitle title="System" />
      <Loaded of={report} pending={<Pending heights={[56, 120, 200]} />}>{(now) => <Report report={now} />}</Loaded>
      <DeadLetters parked={parked} />
    </div>
  );
}

function useEvery(milliseconds: number, read: () => void): void {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) latest.current(); }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}

const dependencyNames: Record<string, string> = { postgres: 'PostgreSQL', rabbitmq: 'RabbitMQ', redis: 'Redis' };
const dependencyTones: Record<string, Tone> = { up: 'good', down: 'bad', blocked: 'warn', unknown: 'plain' };

function Report({ report }: { report: SystemReport }) {
  const { outbox, queues, invariants } = report;
  return (
    <>
      <div className="em-note" data-tone={report.isHealthy ? 'good' : 'bad'} data-testid="health">
        <strong role="status">{report.isHealthy ? 'Everything is well.' : 'Something needs a look.'}</strong>{' '}
        <span className="em-small">As of <time dateTime={report.at}>{formatMoment(report.at)}</time></span>
      </div>
      <ul className="em-row list-unstyled mb-0" aria-label="Dependencies">
        {report.dependencies.map(({ name, state }) => (
          <li key={name} className="em-card em-row">{dependencyNames[name] ?? name} <Badge tone={dependencyTones[state]}>{state}</Badge></li>
        ))}
      </ul>
      <section aria-labelledby="outbox-heading">
        <h2 id="outbox-heading">Outbox</h2>
        {outbox === null ? <Away of="database" /> : (
          <dl className="em-figures">
            <Waiting name="Waiting for RabbitMQ" count={outbox.unpublished} oldest={outbox.oldestUnpublishedSeconds} />
            <Waiting name="Waiting for Redis" count={outbox.unshown} oldest={outbox.oldestUnshownSeconds} />
            <div><dt>Relays</dt><dd>{outbox.relays}</dd></div>
          </dl>
        )}
      </section>
      <section aria-labelledby="queues-heading">
        <h2 id="queues-heading">Queues</h2>
        {queues === null ? <Away of="broker" /> : (
          <Table label="Queues" heads={['Queue', 'Workers', 'Waiting', 'Retrying', 'Parked']}>
            {queues.map((queue) => (
              <Row key={queue.name} cells={[
                <span className="em-code em-small">{queue.name}</span>,
                queue.consumers > 0 ? queue.consumers : <Badge tone="bad">None</Badge>,
                queue.waiting.toLocaleString('en'),
                queue.retrying.toLocaleString('en'),
                queue.parked > 0 ? <Badge tone="bad">{queue.parked.toLocaleString('en')}</Badge> : 0,
              ]} />
            ))}
          </Table>
        )}
      </section>
      <section aria-labelledby="invariants-heading">
        <h2 id="invariants-heading">Invariants</h2>
        {invariants === null ? <Away of="database" /> : <Invariants of={invariants} />}
      </section>
    </>
  );
}

function Away({ of }: { of: string }) {
  return <p className="em-soft mb-0">Can’t be asked while the {of} is away.</p>;
}

function Waiting({ name, count, oldest }: { name: string; count: number; oldest: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{count.toLocaleString('en')}{oldest !== null && <span className="em-figure-of"> since {Math.round(oldest).toLocaleString('en')} s</span>}</dd>
    </div>
  );
}

function Invariants({ of: { findings, checkedAt } }: { of: NonNullable<SystemReport['invariants']> }) {
  if (findings.length === 0) return <p className="mb-0">All hold, checked <time dateTime={checkedAt}>{formatMoment(checkedAt)}</time>.</p>;
  return (
    <ul className="em-list">
      {findings.map((finding) => (
        <li key={finding.invariant} className="em-card em-row em-row-spread">
          <span><span className="em-code em-small">{finding.invariant}</span><br />{finding.meaning}</span>
          <Badge tone={finding.severity === 'violation' ? 'bad' : 'warn'}>{finding.count.toLocaleString('en')}</Badge>
        </li>
      ))}
    </ul>
  );
}
