import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The files that a host gets, as their own checkers see them; nothing is booted.
@Suite struct UnitFileTests {
  private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .removingLastComponent().string
  private static let services = ["wf-api.service", "wf-worker.service", "wf-worker@.service"]

  /// Runs a shell script in a folder that holds the units, with the program that they start in its place.
  private func withUnits(_ script: String) async throws -> (code: Int32, text: String) {
    let prepare = """
      set -eu
      folder=$(mktemp -d)
      trap 'rm -rf "$folder"' EXIT
      cp -r "$1"/systemd/wf-* "$folder"
      cp "$folder/wf-worker.service" "$folder/wf-worker@.service"
      sed -i "s|/usr/local/bin/wf|$2|" "$folder"/*.service
      cd "$folder"

      """
    let result = try await Subprocess.run(
      .name("sh"),
      arguments: ["-c", prepare + script + " 2>&1", "sh", UnitFileTests.root, Stack.executable],
      output: .string(limit: 1 << 20), error: .discarded)
    guard case .exited(let code) = result.terminationStatus else { return (-1, "\(result.terminationStatus)") }
    return (code, result.standardOutput)
  }

  @Test func `systemd finds nothing to say about the units`() async throws {
    let outcome = try await withUnits("systemd-analyze verify ./*.service ./*.socket ./*.target")
    #expect(outcome.code == 0)
    #expect(outcome.text == "")
  }

  @Test(arguments: services) func `a service is exposed to little`(service: String) async throws {
    let outcome = try await withUnits("systemd-analyze security --offline=true --threshold=20 ./\(service)")
    #expect(outcome.code == 0, "\(outcome.text)")
  }

  @Test func `API and worker have the same sandbox`() async throws {
    let outcome = try await withUnits(
      """
      for unit in wf-api wf-worker; do
        sed -n '/^LimitNOFILE/,/^UMask/p' $unit.service | grep -v ^Memory > $unit.sandbox
        test "$(wc -l < $unit.sandbox)" -gt 30
      done
      diff wf-api.sandbox wf-worker.sandbox
      """)
    #expect(outcome.code == 0, "\(outcome.text)")
  }

  @Test func `a version orders after those of earlier commits and releases`() async throws {
    let outcome = try await withUnits(
      """
      script=systemd/debian/version.sh
      mkdir -p systemd/debian
      cp "$1/$script" systemd/debian
      cp "$1/.gitattributes" .
      test "$($script)" = 0.1.0
      export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
      last=0.1.0
      newer() {
        version=$($script)
        dpkg --compare-versions "$version" gt "$last" || { echo "$version is not newer than $last"; exit 1; }
        last=$version
        rm -rf archive; mkdir archive
        git archive HEAD | tar x -C archive
        test "$(archive/$script)" = "$version"
      }
      git init -q
      git add $script .gitattributes
      GIT_COMMITTER_DATE='2026-01-02T03:04:05Z' git commit -q -m a; newer
      test "$version" = "0.1.0+git20260102030405.$(git log -1 --format=%h)"
      GIT_COMMITTER_DATE='2026-01-02T03:04:06Z' git commit -q --allow-empty -m b; newer
      git tag v0.2.0-rc1; newer
      git tag -d v0.2.0-rc1 > /dev/null; git tag v0.2.0; newer
      test "$version" = 0.2.0
      GIT_COMMITTER_DATE='2026-01-02T03:04:07Z' git commit -q --allow-empty -m c; newer
      echo '#' >> $script
      test "$($script)" = "$version.changed"
      """)
    #expect(outcome.code == 0, "\(outcome.text)")
  }

  @Test func `a build of the package installs nothing that would run`() async throws {
    let outcome = try await withUnits("make -n -C \"$1\" deb")
    let installed = outcome.text.split(separator: "\n").filter { $0.contains("for p in ") }
    #expect(installed.contains { $0.contains("libhiredis-dev") })
    for package in ["redis-server", "nginx", "systemd"] { #expect(!installed.contains { $0.contains(package) }) }
  }

  @Test func `nginx accepts the production site`() async throws {
    let outcome = try await withUnits(
      """
      openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.example.org -keyout key -out certificate 2> /dev/null
      mkdir snippets
      cp "$1/nginx/wf-locations.conf" snippets
      "$1/nginx/write-site" | sed -e "s|/etc/ssl/certs/wf.pem|$folder/certificate|" \
        -e "s|/etc/ssl/private/wf.key|$folder/key|" > site
      echo "error_log stderr; pid $folder/pid; events {} http { access_log off; include $folder/site; }" > nginx.conf
      nginx -t -q -e stderr -p "$folder" -c nginx.conf
      """)
    #expect(outcome.code == 0)
    #expect(outcome.text == "")
  }
}
