import type { Subscription } from '../../api/types';
import { Secret } from '../../components/Secret';
import { t } from '../../language/text';

/** What a subscription is opened or checked with. The API says it once. */
export function Credentials({ of: { secret, publicKey, amqp } }: { of: Pick<Subscription, 'secret' | 'publicKey' | 'amqp'> }) {
  if (!secret && !amqp) {
    return <p className="mb-0">{t('Its secret got lost on the way here: make a new one on its page.')}</p>;
  }
  return (
    <>
      <p className="mb-0">{t('This is shown this once: keep it where only your program can read it.')}</p>
      {secret && <Secret label={t('Secret to check signatures with')} value={secret} />}
      {publicKey && <Secret label={t('Public key, for those who may not know the secret')} value={publicKey} />}
      {amqp && (
        <>
          <Secret label={t('Address')} value={amqp.url} />
          <Secret label={t('Queue')} value={amqp.queue} />
          <Secret label={t('User name')} value={amqp.username} />
          <Secret label={t('Password')} value={amqp.password} />
        </>
      )}
    </>
  );
}
