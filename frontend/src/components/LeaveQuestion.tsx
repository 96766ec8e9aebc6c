import { useLeaving } from '../routing/leaving';
import { Confirm } from './Confirm';
import { t } from '../language/text';

/** Asks whoever is about to leave a form in which something was typed. */
export function LeaveQuestion() {
  const { isAsked, stay, leave } = useLeaving();
  if (!isAsked) return null;
  return (
    <Confirm title={t('Leave without saving?')} confirm={t('Leave')} dismiss={t('Stay here')}
      pending={false} problem={null} onConfirm={leave} onDismiss={stay}>
      {t('What you have typed has not been sent. It is lost when you leave this page.')}
    </Confirm>
  );
}
