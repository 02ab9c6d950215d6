/* The entrance of the lab's program.  A stub until the world moves in. */
int
main (void)
{
    return 0;
}
