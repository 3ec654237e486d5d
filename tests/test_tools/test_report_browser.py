"""The report page in a real browser, opened from disk without a network."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from halp_mm.reporting import write_report
from halp_mm.visualization import plot_features
from tests.reports import fused_content, run_content, write_result

webdriver = pytest.importorskip(
    'selenium.webdriver', reason='selenium is not installed: pip install selenium'
)
CHROMIUM, DRIVER = shutil.which('chromium'), shutil.which('chromedriver')
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason='there is no chromium or no chromedriver: apt-get install chromium chromium-driver',
)
FLAGS = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)
WIDTHS = (360, 1200)  # a phone and a desk


@pytest.fixture(scope='module')
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every kind of part, and a class whose name is a script."""
    folder = tmp_path_factory.mktemp('results')
    classes = [{'class': name} for name in ('<script>document.title = "x"</script>', 'b', 'c')]
    write_result(folder / 'a.json', top1=70.0, classes=classes)
    write_result(folder / 'b.json', run_content(seed=1), top1=80.0, classes=classes)
    long_name = 'a_very_long_name' * 12
    write_result(folder / 'c.json', run_content(long_name), dataset='x' * 90)
    (folder / 'fused.json').write_text(json.dumps(fused_content()))
    (folder / f'{"bad" * 60}.json').write_text('{')
    log = folder / 'run' / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(''.join(f'{{"loss": {3 / i}, "epoch": {i}}}\n' for i in (1, 2, 3)))
    points = np.random.default_rng(0).normal(size=(20, 2))
    plot_features(points, np.arange(20) % 2, ['a', 'b'], 'Features', folder / 'tsne.png')
    write_report(folder, folder / 'page.html')
    return folder / 'page.html'


@pytest.fixture(scope='module')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium that cannot reach any network."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp('profile')
    for flag in (*FLAGS, f'--user-data-dir={profile}'):
        options.add_argument(flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    os.environ.setdefault('SE_OFFLINE', 'true')  # selenium must not look for drivers
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd('Network.enable', {})
    driver.execute_cdp_cmd(
        'Network.emulateNetworkConditions',
        {'offline': True, 'latency': 0, 'downloadThroughput': -1, 'uploadThroughput': -1},
    )
    yield driver
    driver.quit()


@pytest.fixture(params=WIDTHS)
def opened(browser, page, request) -> webdriver.Chrome:
    """The browser with the page open at a width."""
    browser.get_log('browser')
    browser.get_log('performance')
    size = {'width': request.param, 'height': 800, 'deviceScaleFactor': 1, 'mobile': True}
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
    browser.get(page.as_uri())
    assert browser.execute_script('return innerWidth') == request.param
    return browser


def test_nothing_overflows_the_page(opened):
    overflow = 'const page = document.documentElement; return page.scrollWidth - page.clientWidth'
    assert opened.execute_script(overflow) == 0
    boxes = opened.execute_script(
        'return [...document.querySelectorAll(".box")].map('
        'box => [box.scrollWidth, box.clientWidth, getComputedStyle(box).overflowX])'
    )
    assert len(boxes) == 7
    assert {box[2] for box in boxes} == {'auto'}
    narrow = opened.execute_script('return innerWidth') < 600
    assert (sum(box[0] > box[1] for box in boxes) > 4) == narrow, 'wide tables scroll by themselves'


def test_tables_have_the_right_figures(opened):
    own, printed = opened.execute_script(
        """
        const caption = 'HaLP (CVPR 2023), Table 1: Linear evaluation, top-1 (%)';
        const table = [...document.querySelectorAll('table')].find(
            table => table.caption.textContent === caption);
        const row = [...table.tBodies[0].rows].find(
            row => row.cells[0].textContent === 'HaLP (BiGRU, joint)');
        const own = [...table.querySelectorAll('td.own')].map(cell => cell.textContent);
        return [own.filter(text => text), [...row.cells].map(cell => cell.innerText)];
        """
    )
    assert own == ['75.0 ± 7.1 (n = 2)']
    assert printed == [
        *('HaLP (BiGRU, joint)', '79.7', '75.0 ± 7.1 (n = 2)'),
        *('86.8', '', '71.1', '', '72.2', '', '43.5', ''),
    ]


def test_pictures_are_loaded(opened):
    loaded = 'return [...document.images].map(image => image.complete && image.naturalWidth)'
    widths = opened.execute_script(loaded)
    assert len(widths) == 5, 'a curve, three confusion matrices, features'
    assert min(widths) > 0


def test_nothing_else_is_asked_for_or_complained_of(opened, page):
    assert opened.get_log('browser') == []
    messages = [json.loads(entry['message'])['message'] for entry in opened.get_log('performance')]
    urls = {
        message['params']['request']['url']
        for message in messages
        if message['method'] == 'Network.requestWillBeSent'
    }
    assert {url for url in urls if not url.startswith('data:')} == {page.as_uri()}
    assert opened.title == 'Results', 'a name ran as a script'


def test_it_prints(opened):
    printed = base64.b64decode(opened.print_page())
    assert printed.startswith(b'%PDF-')
    assert printed.count(b'/Type /Page\n') > 2


def test_dark_mode_is_dark(browser, page):
    grounds = []
    for scheme in ('light', 'dark'):
        feature = {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]}
        browser.execute_cdp_cmd('Emulation.setEmulatedMedia', feature)
        browser.get(page.as_uri())
        color = browser.execute_script('return getComputedStyle(document.body).backgroundColor')
        grounds.append(color)
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': []})
    assert grounds == ['rgb(255, 255, 255)', 'rgb(22, 25, 28)']
