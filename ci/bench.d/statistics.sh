# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with ci/bench
# Numbers: clock, medians, and how they are written. Times are whole microseconds.

now() { echo "${EPOCHREALTIME/./}"; }

# median N…
median() {
    printf '%s\n' "$@" | sort -n | awk '
        { value[NR] = $1 }
        END { print NR % 2 ? value[(NR + 1) / 2] : int((value[NR / 2] + value[NR / 2 + 1]) / 2) }'
}

# range N…: `12 to 15 ms`
range() {
    printf '%s\n' "$@" | sort -n | awk '
        NR == 1 { least = $1 }
        END { printf "%.0f to %.0f ms", least / 1000, $1 / 1000 }'
}

# milliseconds N: `12 ms`
milliseconds() { awk -v time="$1" 'BEGIN { printf "%.0f ms", time / 1000 }'; }

# seconds N: `1.23 s`
seconds() { awk -v time="$1" 'BEGIN { printf "%.2f s", time / 1e6 }'; }

# ratio A B: `3.2`
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

# megabytes BYTES: `12.3 MB`
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

# verdict VALUE at-least|below AIM: `reached` or `not reached`; counts those that are not.
missed=0
verdict() {
    if awk -v value="$1" -v how="$2" -v aim="$3" 'BEGIN { exit !(how == "below" ? value < aim : value >= aim) }'; then
        verdict=reached
    else
        verdict='**not reached**'
        missed=$((missed + 1))
    fi
}
