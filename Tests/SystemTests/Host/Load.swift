import SystemHarness

/// Concurrent submissions while something is done to the API, through a second site that has no rate limit.
struct Load: Sendable {
  private let host: Host
  /// The statuses that were answered, each once.
  let codes: Set<String>
  /// How many answers came.
  let answers: Int
  /// How many of them were 202.
  let accepted: Int
  /// How many different jobs they name.
  let jobs: Int

  private static let site = """
    server {
        listen 127.0.0.1:8080;
        include snippets/wf-locations.conf;
    }

    """

  // A failed transfer has its line, 000, and is seen by it; curl's exit code says no more.
  private static let submissions = """
    rm -rf /root/load* /run/load.stop; mkdir /root/load; touch /root/load.codes
    round=0
    while [ ! -e /run/load.stop ]; do
      round=$((round + 1))
      curl -sS -Z --parallel-max 16 -H 'Content-Type: application/json' -d @/root/example.json \
        -w '%{http_code} %{filename_effective}\\n' -o "/root/load/$round-#1" \
        'http://127.0.0.1:8080/workflow/run?[1-100]' >> /root/load.codes || :
    done
    """

  /// Submits until a deed has been done five times, with answers before, between and after.
  static func run(on host: Host, _ deed: () async throws -> Void) async throws -> Load {
    try host.write(site, to: "/etc/nginx/sites-enabled/plain")
    try await host.sh("rm -f /run/load.stop /root/load.codes; nginx -t && systemctl reload nginx")
    async let submitting = host.sh(submissions)
    let outcome: Result<Void, any Error>
    do {
      for _ in 1...5 {
        try await waitForAnswers(100, on: host)
        try await deed()
      }
      outcome = .success(try await waitForAnswers(100, on: host))
    } catch {
      outcome = .failure(error)
    }
    try await host.sh("touch /run/load.stop")
    _ = try await submitting
    try await host.sh("rm /etc/nginx/sites-enabled/plain; systemctl reload nginx")
    try outcome.get()
    return try await Load(on: host)
  }

  private static func waitForAnswers(_ more: Int, on host: Host) async throws {
    let count = "$(if [ -e /root/load.codes ]; then wc -l < /root/load.codes; else echo 0; fi)"
    let before = try await host.sh("echo \(count)")
    _ = try await wait("\(more) more answers") { try await host.isTrue("test \(count) -ge $((\(before) + \(more)))") }
  }

  private init(on host: Host) async throws {
    self.host = host
    let lines = try await host.sh("cat /root/load.codes").split(separator: "\n")
    codes = Set(lines.map { String($0.prefix { $0 != " " }) })
    answers = lines.count
    accepted = lines.count { $0.hasPrefix("202 ") }
    jobs =
      Int(
        try await host.sh(
          "cat /root/load/* | grep -o '\"job_id\":\"[^\"]*' | cut -d'\"' -f4 | sort -u > /root/load.jobs; wc -l < /root/load.jobs"
        )) ?? 0
  }

  /// How many jobs there are in Redis.
  static func countJobs(on host: Host) async throws -> Int {
    Int(try await host.sh("redis-cli --scan --pattern 'wf:job:*' | wc -l")) ?? 0
  }

  /// Waits until every job has finished.
  func finish() async throws {
    _ = try await wait("the end of \(jobs) jobs", within: .seconds(120)) {
      try await host.isTrue(
        """
        test "$(sed 's/.*/HGET wf:job:& status/' /root/load.jobs | redis-cli | sort -u)" = finished
        """)
    }
  }
}
