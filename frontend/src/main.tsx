import { createRoot } from 'react-dom/client';
import './style/style.css';
import { App } from './App';
import { loadLanguage } from './language/language';
import { restoreSession } from './session/session';

void restoreSession();
void loadLanguage().then(() => createRoot(document.getElementById('app')!).render(<App />));
