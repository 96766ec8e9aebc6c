import { useEffect, useRef } from 'react';
import type { FormEvent, ReactNode } from 'react';
import type { Problem } from '../api/problem';
import { ProblemNote } from './States';

export type FieldErrors = Record<string, string>;

/** A problem's field list by name, as sentences; the first message of a field stands. */
export function fieldErrors(problem: Problem | null): FieldErrors {
  const errors: FieldErrors = {};
  // The API says what a field does wrong ("must be after the start"): the field stands above it.
  for (const { field, message } of problem?.fields ?? []) {
    errors[field] ??= /^[a-z]/.test(message) ? `This ${message}.` : message;
  }
  return errors;
}

interface Props {
  name: string;
  errors: FieldErrors;
  problem: Problem | null;
  onSubmit: () => void;
  children: ReactNode;
  className?: string;
}

/** A form without the browser's own bubbles: errors stand at their fields, and the first of them gets the focus. */
export function Form({ name, errors, problem, onSubmit, children, className = 'em-stack' }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const failed = JSON.stringify(errors);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failed]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form ref={form} noValidate aria-label={name} className={className} onSubmit={submit}>
      <ProblemNote problem={problem} />
      {children}
    </form>
  );
}
