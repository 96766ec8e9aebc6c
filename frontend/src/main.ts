import './style/style.css';
import { loadLanguage } from './language/language';
import { restoreSession } from './session/session';
import { start } from './start';

void restoreSession();
void start(import('./draw'), import('./App').then(({ App }) => App), loadLanguage());
