"""Settings of glibc's allocator under which it keeps what torch frees: the kernel would fill the
pages with zeros when they are needed again. A process reads them when it starts."""

KEEPING = {
    'MALLOC_MMAP_THRESHOLD_': str(2**32),
    'MALLOC_TRIM_THRESHOLD_': str(2**33),
    'MALLOC_TOP_PAD_': str(2**28),
}
