import { createRoot } from 'react-dom/client';
import './style/style.css';
import { App } from './App';
import { restoreSession } from './session/session';

void restoreSession();
createRoot(document.getElementById('app')!).render(<App />);
