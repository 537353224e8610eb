__path__ = __import__('pkgutil').extend_path(
    __path__, __name__
)  # code and messages may lie in two places
