-- wrk script: posts the example workflow, and prints as JSON how fast, and how many answers were not 202.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open(os.getenv("BENCH_BODY"), "rb"):read("*a")
expected = 202
dofile(os.getenv("BENCH_REPORT"))
