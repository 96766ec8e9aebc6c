import { createRoot } from 'react-dom/client';
import './style/style.css';
import { GateApp } from './gate/GateApp';
import { restoreSession } from './session/session';

void restoreSession();
createRoot(document.getElementById('app')!).render(<GateApp />);
