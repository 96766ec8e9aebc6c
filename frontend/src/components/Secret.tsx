import { useId, useRef, useState } from 'react';
import { t } from '../language/text';

/** Something that is shown this once, to be copied; as text that can be marked, where the clipboard is out of reach. */
export function Secret({ label, value }: { label: string; value: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean | null>(null);
  const copy = async (): Promise<void> => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // Not over plain HTTP, or not allowed: what is marked can be copied by hand.
      setCopied(false);
    }
  };
  return (
    <div>
      <label className="form-label" htmlFor={id}>{label}</label>
      <div className="em-row flex-nowrap">
        <input ref={field} id={id} className="form-control em-code em-small" readOnly value={value} spellCheck={false} onFocus={(event) => event.target.select()} />
        <button type="button" className="btn btn-outline-secondary" onClick={() => void copy()}>{t('Copy')}<span className="visually-hidden"> {label}</span></button>
      </div>
      <div role="status" className="form-text">{copied === null ? '' : copied ? t('Copied.') : t('It is marked: copy it by hand.')}</div>
    </div>
  );
}
