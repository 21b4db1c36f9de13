# keeper FOLDER: runs the servers of one cluster, none of which outlives whoever holds the other end of stdin.
#
# A line `NODE PROGRAM` runs the command in PROGRAM.command in FOLDER/NODE. There PROGRAM.pid has its process id,
# PROGRAM.ended its exit status once it has ended, PROGRAM.log what it wrote. At the end of stdin all programs are
# killed, and FOLDER goes.

cd "$1" || exit

while read -r node program; do
    # From here on the end waits for this program, also before it has written its process id.
    : >"$node/$program.pid"
    {
        cd "$node" || exit
        # A shell of its own, whose id is the program's, as the command is an `exec`. The one around it waits, so no
        # zombie keeps the id.
        sh -c 'echo "$$" >"$0.pid"; . "./$0.command"' "$program" </dev/null >>"$program.log" 2>&1
        echo "$?" >"$program.ended"
    } &
done

for pid in */*.pid; do
    [ -e "$pid" ] || continue
    until [ -e "${pid%.pid}.ended" ]; do
        # An orderly end, Kafka's above all, takes seconds and saves nothing here.
        kill -KILL "$(cat "$pid")"
        sleep 0.1
    done
done

cd /
# Again, as whoever started this may have been writing a file when it was killed.
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
