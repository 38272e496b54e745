#ifndef CRIB_MONITOR_TRIAL_H
#define CRIB_MONITOR_TRIAL_H

/*
 * Runs `executable` in a child that reads `state` and ends: 0 when it could. What does not start, or does not know this
 * form of the state, is found out here, where nothing has happened yet. Bounded in time.
 */
int trial_run(int executable, int state);

#endif
