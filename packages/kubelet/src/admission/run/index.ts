export { Admission, type AdmissionHooks } from './admission.js';
