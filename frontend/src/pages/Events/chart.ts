import {
  BarController, BarElement, CategoryScale, Chart, LineController, LineElement, LinearScale, PointElement, Tooltip,
} from 'chart.js/chart.mjs';
import type { Data } from 'chart.js/chart.mjs';
import { number } from '../../language/text';

// Chart.js, in the colours of the page. Fetched when the first plot is shown, and only then.
Chart.register(BarController, BarElement, LineController, LineElement, PointElement, CategoryScale, LinearScale, Tooltip);

export interface Bars {
  labels: string[];
  counts: number[];
  totals: number[];
  countLabel: string;
  totalLabel: string;
}

/** Draws bars and the line of their sum; the caller hands over newer ones, and takes the plot away. */
export function drawBars(canvas: HTMLCanvasElement, bars: Bars): { show: (bars: Bars) => void; remove: () => void } {
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--em-${name}`).trim();
  const data = (of: Bars): Data => ({
    labels: of.labels,
    datasets: [
      { type: 'line', label: of.totalLabel, data: of.totals, backgroundColor: colour('ink-soft'), borderColor: colour('ink-soft'),
        borderWidth: 2, pointRadius: 0, pointHitRadius: 12, stepped: 'middle', yAxisID: 'totals' },
      { type: 'bar', label: of.countLabel, data: of.counts, backgroundColor: colour('accent'), borderColor: colour('accent'),
        borderRadius: 3, maxBarThickness: 28, yAxisID: 'counts' },
    ],
  });
  const ticks = { color: colour('ink-soft'), maxRotation: 0, autoSkipPadding: 16 };
  const scale = { beginAtZero: true, ticks: { ...ticks, precision: 0, maxTicksLimit: 5, callback: (value: number) => number(value) } };
  const chart = new Chart(canvas, {
    data: data(bars),
    options: {
      responsive: true, maintainAspectRatio: false, normalized: true,
      animation: matchMedia('(prefers-reduced-motion: reduce)').matches ? false : { duration: 300 },
      interaction: { mode: 'index', intersect: false },
      plugins: { legend: { display: false } },
      scales: {
        x: { grid: { display: false }, border: { color: colour('line') }, ticks },
        counts: { ...scale, position: 'left', grid: { color: colour('line') } },
        totals: { ...scale, position: 'right', grid: { display: false } },
      },
    },
  });
  return {
    show: (next) => {
      chart.data.labels = next.labels;
      // The same datasets stay, so that bars grow instead of being drawn anew.
      data(next).datasets.forEach(({ data: values }, index) => { chart.data.datasets[index]!.data = values; });
      chart.update();
    },
    remove: () => chart.destroy(),
  };
}
