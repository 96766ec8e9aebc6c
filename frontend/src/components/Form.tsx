import { useEffect, useRef, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { ProblemNote } from './States';
import { serverWords } from '../language/serverWords';

export type FieldErrors = Record<string, string>;

/** A problem's field list by name, as sentences; the first message of a field stands. */
export function fieldErrors(problem: Problem | null): FieldErrors {
  const errors: FieldErrors = {};
  // The API says what a field does wrong ("must be after the start"): the field stands above it.
  for (const { field, message } of problem?.fields ?? []) {
    errors[field] ??= /^[a-z]/.test(message) ? serverWords(message) : message;
  }
  return errors;
}

/**
 * Shows what stands against a form from the first attempt to send it on, and from then on as one types: nobody is told
 * off for a field that they haven't come to yet.
 */
export function useValidation(found: FieldErrors): { shown: FieldErrors; passes: () => boolean } {
  const [tried, setTried] = useState(false);
  const passes = (): boolean => {
    const wrong = Object.keys(found).length > 0;
    setTried(wrong);
    return !wrong;
  };
  return { shown: tried ? found : {}, passes };
}

/** The errors that there are: undefined ones left out. */
export function onlyErrors(found: Record<string, string | undefined>): FieldErrors {
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

interface Props {
  name: string;
  problem: Problem | null;
  onSubmit: () => void;
  children: ReactNode;
  className?: string;
}

/** A form without the browser's own bubbles: errors stand at their fields, and the first of them gets the focus. */
export function Form({ name, problem, onSubmit, children, className = 'em-stack' }: Props) {
  const form = useRef<HTMLFormElement>(null);
  // From a submission until its first error was shown, or somebody types on: later errors don't move the focus.
  const seeksError = useRef(false);
  useEffect(() => {
    if (!seeksError.current) return;
    const invalid = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (!invalid) return;
    seeksError.current = false;
    invalid.focus();
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    seeksError.current = true;
    onSubmit();
  };
  return (
    <form ref={form} noValidate aria-label={name} className={className} onSubmit={submit}
      onInput={() => { seeksError.current = false; }}>
      <ProblemNote problem={problem} />
      {children}
    </form>
  );
}
