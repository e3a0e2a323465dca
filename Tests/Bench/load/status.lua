-- wrk script: asks for the status of one run (the path is in the URL), and reports as submit.lua does.
expected = 200
dofile(os.getenv("BENCH_REPORT"))
