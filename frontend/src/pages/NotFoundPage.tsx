import { PageTitle } from '../components/PageTitle';
import { Link } from '../routing/Link';

export function NotFoundPage() {
  return (
    <div className="em-column mx-auto">
      <PageTitle title="Nothing here" />
      <p>There is no such page. <Link to="/">See the events</Link></p>
    </div>
  );
}
