import { PageTitle } from '../components/PageTitle';
import { Link } from '../routing/Link';
import { rich, t } from '../language/text';

export function NotFoundPage() {
  return (
    <div className="em-column mx-auto">
      <PageTitle title={t('Nothing here')} />
      <p>{rich('There is no such page. {link}', { link: <Link to="/">{t('See the events')}</Link> })}</p>
    </div>
  );
}
