import { useState } from 'react';
import type { ReactNode } from 'react';
import type { Elements } from '../../components/Elements';
import { useAction } from '../../api/useAction';
import { Busy } from '../../components/Busy';
import { PageTitle } from '../../components/PageTitle';
import { ProblemNote } from '../../components/States';
import { t } from '../../language/text';
import { useLinkToken } from './useLinkToken';

interface PageProps {
  title: string;
  /** The way to another link. */
  another: Elements;
  /** What is said without a token; of a link that didn't come by mail. */
  missing?: string;
  children: (token: string) => Elements;
}

/** Where a link in a mail leads. */
export function MailedLink({ title, another, missing, children }: PageProps) {
  const token = useLinkToken();
  const words = missing ?? t('This page opens with the link in our mail. If you reloaded it, follow the link once more.');
  return (
    <div className="em-narrow">
      <PageTitle title={title} />
      <div className="em-card em-stack">
        {token === null
          ? <UsedUp another={another}>{words}</UsedUp>
          : <div key={token} className="em-stack">{children(token)}</div>}
      </div>
    </div>
  );
}

/** The link can't do any more what it was for; `another` says what can. */
export function UsedUp({ another, children }: { another: Elements; children: ReactNode }) {
  return (
    <>
      <p role="alert" className="em-note mb-0" data-tone="warn" data-problem="link-invalid">{children}</p>
      {another}
    </>
  );
}

interface PressProps {
  /** What it is about. */
  children: ReactNode;
  button: string;
  act: () => Promise<void>;
  /** What is said when it is done, and where one goes from there. */
  done: ReactNode;
  next: Elements;
  another: Elements;
  /** What is said of a link that is used up; the server's words by themselves when missing. */
  usedUp?: (message: string) => ReactNode;
}

/** Takes a press of a button: programs that look into mails for harmful links open them too, and would act in somebody's name. */
export function Press({ children, button, act, done, next, another, usedUp = (message) => message }: PressProps) {
  const [isDone, setDone] = useState(false);
  const press = useAction(async () => {
    await act();
    setDone(true);
  });
  if (isDone) {
    return (
      <>
        <p role="status" className="em-note mb-0" data-tone="good">{done}</p>
        {next}
      </>
    );
  }
  if (press.problem?.slug === 'link-invalid') return <UsedUp another={another}>{usedUp(press.problem.message)}</UsedUp>;
  return (
    <>
      <ProblemNote problem={press.problem} />
      <p className="mb-0">{children}</p>
      <Busy pending={press.pending} className="btn btn-primary btn-lg" onClick={() => void press.run()}>{button}</Busy>
    </>
  );
}
