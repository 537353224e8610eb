"""Reads a page of HTML as strictly as a browser does not."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {'meta', 'img', 'br', 'link', 'path', 'use'}
LOADING = {'src', 'href', 'xlink:href', 'action', 'srcset', 'data', 'poster', 'background'}


class Page(HTMLParser):
    """Checks that tags are balanced and nothing runs, and keeps what the tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.loaded, self.ids, self.captions = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in LOADING]
        self.ids += [value for name, value in attrs if name == 'id']
        assert not [name for name, _ in attrs if name.startswith('on')]
        if tag not in VOID:
            self.open.append(tag)
        if tag == 'figcaption':
            self.captions.append('')

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if 'figcaption' in self.open:
            self.captions[-1] += data
