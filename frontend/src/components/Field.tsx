import { useId, useState } from 'react';
import type { InputHTMLAttributes, ReactElement, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react';
import { t } from '../language/text';

interface Common {
  label: string;
  name: string;
  hint?: ReactNode;
  error?: string;
}

interface Wiring {
  id: string;
  name: string;
  'aria-describedby'?: string;
  'aria-invalid'?: true;
}

/** Label above, hint and error below, all tied to the control for screen readers. */
function Frame({ label, name, hint, error, children }: Common & { children: (wiring: Wiring) => ReactElement }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <div>
      <label className="form-label" htmlFor={id}>{label}</label>
      {children({ id, name, 'aria-describedby': described || undefined, 'aria-invalid': error ? true : undefined })}
      {Boolean(hint) && <div className="form-text" id={`${id}-hint`}>{hint}</div>}
      {error && <div className="invalid-feedback" id={`${id}-error`}>{error}</div>}
    </div>
  );
}

/** What is typed as words may run in either direction, and says by itself which. */
function directionOf(type: string | undefined): 'auto' | undefined {
  return type === undefined || type === 'text' ? 'auto' : undefined;
}

export function TextField({ label, name, hint, error, className = '', ...input }: Common & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Frame {...{ label, name, hint, error }}>
      {(wiring) => <input className={`form-control ${error ? 'is-invalid' : ''} ${className}`} dir={directionOf(input.type)} {...wiring} {...input} />}
    </Frame>
  );
}

/** A password, which its owner can look at while typing: there is no second field to type it into again. */
export function PasswordField({ label, name, hint, error, ...input }: Common & InputHTMLAttributes<HTMLInputElement>) {
  const [shown, setShown] = useState(false);
  return (
    <Frame {...{ label, name, hint, error }}>
      {(wiring) => (
        <div className="em-password">
          <input className={`form-control ${error ? 'is-invalid' : ''}`} type={shown ? 'text' : 'password'}
            autoCapitalize="none" autoCorrect="off" spellCheck={false} {...wiring} {...input} />
          <button type="button" aria-label={shown ? t('Hide what is typed') : t('Show what is typed')} onClick={() => setShown(!shown)}>
            {shown ? t('Hide') : t('Show')}
          </button>
        </div>
      )}
    </Frame>
  );
}

export function TextArea({ label, name, hint, error, ...input }: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <Frame {...{ label, name, hint, error }}>
      {(wiring) => <textarea className={`form-control ${error ? 'is-invalid' : ''}`} dir="auto" {...wiring} {...input} />}
    </Frame>
  );
}

/** A box to tick, its label beside it. */
export function Checkbox({ label, name, hint, error, ...input }: Common & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <div className="form-check">
      <input className="form-check-input" type="checkbox" id={id} name={name} aria-describedby={described || undefined}
        aria-invalid={error ? true : undefined} {...input} />
      <label className="form-check-label" htmlFor={id}>{label}</label>
      {Boolean(hint) && <div className="form-text mt-0" id={`${id}-hint`}>{hint}</div>}
      {error && <div className="invalid-feedback" id={`${id}-error`}>{error}</div>}
    </div>
  );
}

export function Select({ label, name, hint, error, children, ...input }: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Frame {...{ label, name, hint, error }}>
      {(wiring) => <select className={`form-select ${error ? 'is-invalid' : ''}`} {...wiring} {...input}>{children}</select>}
    </Frame>
  );
}
