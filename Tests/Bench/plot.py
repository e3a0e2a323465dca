"""stub"""
def write(path, rows): pass
