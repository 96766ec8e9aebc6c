import { useEffect, useId, useRef, useState } from 'react';

/** Searches a moment after the last key, at once on Enter. */
export function SearchBox({ label, value, onSearch }: { label: string; value: string; onSearch: (text: string) => void }) {
  const id = useId();
  const [text, setText] = useState(value);
  const typed = useRef(false);
  const latest = useRef(onSearch);
  latest.current = onSearch;
  useEffect(() => { if (!typed.current) setText(value); }, [value]);
  useEffect(() => {
    if (!typed.current) return undefined;
    const timer = setTimeout(() => { typed.current = false; latest.current(text.trim()); }, 300);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <form role="search" className="flex-grow-1" onSubmit={(event) => {
      event.preventDefault();
      typed.current = false;
      onSearch(text.trim());
    }}>
      <label className="form-label" htmlFor={id}>{label}</label>
      <input id={id} type="search" className="form-control" dir="auto" value={text} maxLength={200} autoComplete="off"
        onChange={(event) => { typed.current = true; setText(event.target.value); }} />
    </form>
  );
}
