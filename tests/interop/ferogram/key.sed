# The list of server keys is built in: one more, from $SANDBOX_KEY (fingerprint, n, e).
/^pub fn key_for_fingerprint/,/^}/s/^        _ => return None,$/        _ => { let t = std::env::var("SANDBOX_KEY").ok()?; let mut w = t.split(' '); \
            if w.next()?.parse::<i64>().ok()? != fp { return None; } rsa::Key::new(w.next()?, w.next()?)? }/
