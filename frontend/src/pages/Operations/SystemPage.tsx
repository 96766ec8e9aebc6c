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
import { Sending } from './Sending';
import { invariantWords } from './invariantWords';
import { has, number, rich, t, worded } from '../../language/text';
import type { Text } from '../../language/text';

const every = 5_000;

/** How the whole product stands, read again every few seconds while somebody looks. */
export function SystemPage() {
  const report = useResource<SystemReport>('system', (signal) => admin.system(signal));
  useEvery(every, report.reload);
  const parked = report.data?.queues?.reduce((sum, queue) => sum + queue.parked, 0) ?? 0;
  return (
    <div className="em-stack-l">
      <PageTitle title={t('System')} />
      <Loaded of={report} pending={<Pending heights={[56, 120, 200]} />}>{(now) => <Report report={now} />}</Loaded>
      <DeadLetters parked={parked} at={report.data?.at} />
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
const dependencyWords: Record<SystemReport['dependencies'][number]['state'], Text> = { up: 'up', down: 'down', blocked: 'blocked', unknown: 'unknown' };
const dependencyTones: Record<string, Tone> = { up: 'good', down: 'bad', blocked: 'warn', unknown: 'plain' };

function Report({ report }: { report: SystemReport }) {
  const { services, outbox, queues, invariants } = report;
  return (
    <>
      <div className="em-note" data-tone={report.isHealthy ? 'good' : 'bad'} data-testid="health">
        <strong role="status">{report.isHealthy ? t('Everything is well.') : t('Something needs a look.')}</strong>{' '}
        <span className="em-small">{rich('As of {at}', { at: <time dateTime={report.at}>{formatMoment(report.at)}</time> })}</span>
      </div>
      <ul className="em-row list-unstyled mb-0" aria-label={t('Dependencies')}>
        {report.dependencies.map(({ name, state }) => (
          <li key={name} className="em-card em-row"><span>{dependencyNames[name] ?? name}</span><Badge tone={dependencyTones[state]}>{worded(dependencyWords, state)}</Badge></li>
        ))}
      </ul>
      <section aria-labelledby="services-heading">
        <h2 id="services-heading">{t('Services')}</h2>
        {services === null ? <Away what={t('Can’t be asked while the database is away.')} /> : (
          <Table short label={t('Services')} heads={[t('Service'), t('State'), t('Processes'), t('Version')]}>
            {services.map(({ name, version, revision, instances }) => (
              <Row key={`${name} ${version} ${revision}`} cells={() => [
                <span className="em-code em-small">{name}</span>,
                instances > 0 ? <Badge tone="good">{t('up')}</Badge> : <Badge tone="bad">{t('down')}</Badge>,
                number(instances),
                version && <span><span>{version}</span>{revision !== 'unknown' && <span className="ms-2 em-code em-small em-soft">{revision}</span>}</span>,
              ]} />
            ))}
          </Table>
        )}
      </section>
      <section aria-labelledby="outbox-heading">
        <h2 id="outbox-heading">{t('Outbox')}</h2>
        {outbox === null ? <Away what={t('Can’t be asked while the database is away.')} /> : (
          <dl className="em-figures">
            <Waiting name={t('Waiting for RabbitMQ')} count={outbox.unpublished} oldest={outbox.oldestUnpublishedSeconds} />
            <Waiting name={t('Waiting for Redis')} count={outbox.unshown} oldest={outbox.oldestUnshownSeconds} />
            <div><dt>{t('Relays')}</dt><dd>{outbox.relays}</dd></div>
          </dl>
        )}
      </section>
      <section aria-labelledby="queues-heading">
        <h2 id="queues-heading">{t('Queues')}</h2>
        {queues === null ? <Away what={t('Can’t be asked while the broker is away.')} /> : (
          <Table short label={t('Queues')} heads={[t('Queue'), t('Workers'), t('Waiting'), t('Retrying'), t('Parked')]}>
            {queues.map((queue) => (
              <Row key={queue.name} cells={() => [
                <QueueName name={queue.name} />,
                queue.consumers > 0 ? queue.consumers : <Badge tone="bad">{t('None')}</Badge>,
                number(queue.waiting),
                number(queue.retrying),
                queue.parked > 0 ? <Badge tone="bad">{number(queue.parked)}</Badge> : 0,
              ]} />
            ))}
          </Table>
        )}
      </section>
      <Sending mail={report.mail} />
      <section aria-labelledby="invariants-heading">
        <h2 id="invariants-heading">{t('Invariants')}</h2>
        {invariants === null ? <Away what={t('Can’t be asked while the database is away.')} /> : <Invariants of={invariants} />}
      </section>
    </>
  );
}

/** Too long for one line on a phone, it is broken behind the service. */
function QueueName({ name }: { name: string }) {
  const [service, ...rest] = name.split('.');
  return <span className="em-code em-small"><span>{service}</span>{rest.length > 0 && <span>.<wbr />{rest.join('.')}</span>}</span>;
}

function Away({ what }: { what: string }) {
  return <p className="em-soft mb-0">{what}</p>;
}

function Waiting({ name, count, oldest }: { name: string; count: number; oldest: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd><span>{number(count)}</span>{oldest !== null && <span className="em-figure-of">{` ${t('since {seconds} s', { seconds: Math.round(oldest) })}`}</span>}</dd>
    </div>
  );
}

function Invariants({ of: { findings, checkedAt } }: { of: NonNullable<SystemReport['invariants']> }) {
  if (findings.length === 0) return <p className="mb-0">{rich('All hold, checked {checkedAt}.', { checkedAt: <time dateTime={checkedAt}>{formatMoment(checkedAt)}</time> })}</p>;
  return (
    <ul className="em-list">
      {findings.map((finding) => (
        <li key={finding.invariant} className="em-card em-row em-row-spread">
          <span><span className="em-code em-small">{finding.invariant}</span><br />{has(invariantWords, finding.invariant) ? t(invariantWords[finding.invariant]) : finding.meaning}</span>
          <Badge tone={finding.severity === 'violation' ? 'bad' : 'warn'}>{number(finding.count)}</Badge>
        </li>
      ))}
    </ul>
  );
}
