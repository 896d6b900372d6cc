"""An append-only log of JSON bodies in named streams. Knows nothing about calls.

``open_journal`` writes one on disk, ``open_reader`` reads it from any process, ``MemoryJournal`` keeps one in memory.
"""

from journal.api import START, Journal, JournalError, Line, Position, Readable
from journal.files import FileJournal, open_journal, open_reader
from journal.memory import MemoryJournal
from journal.reading import Reader

__all__ = [
    "START",
    "FileJournal",
    "Journal",
    "JournalError",
    "Line",
    "MemoryJournal",
    "Position",
    "Readable",
    "Reader",
    "open_journal",
    "open_reader",
]
