import { useEffect, useRef, useState } from 'react';
import { useCamera } from './useCamera';
import { t } from '../language/text';

/** Shows what the camera sees and hands on the codes in it. */
export function CameraView({ onCode }: { onCode: (text: string) => void }) {
  const [isOn, setIsOn] = useState(false);
  const video = useRef<HTMLVideoElement>(null);
  const camera = useCamera(isOn, video, onCode);
  // React has no property for it, and a phone shows nothing without: the video isn't to take the whole screen.
  useEffect(() => { video.current?.setAttribute('playsinline', ''); }, [isOn]);
  return (
    <div className="em-stack-s">
      <button type="button" className="btn btn-outline-secondary" aria-pressed={isOn} onClick={() => setIsOn(!isOn)}>
        {isOn ? t('Stop the camera') : t('Scan with the camera')}
      </button>
      {isOn && camera.failure === null && (
        <video ref={video} className="em-camera" muted aria-label={t('What the camera sees')} data-testid="gate-camera"
          data-reader={camera.reader ?? undefined} />
      )}
      <div role="status">{camera.failure && <p className="em-note mb-0" data-tone="warn">{camera.failure}</p>}</div>
    </div>
  );
}
